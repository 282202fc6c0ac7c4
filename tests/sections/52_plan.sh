# The planner on its own: `etch plan` on MiniMalloc's challenging problems, as they are, shuffled and mirrored in time.
planned() {
    local name=$1 capacity=$2 table=$3
    shift 3
    check "plan/$name" bash -c '"$0" plan "$2" --capacity "$1" -o "$3" 2>&1 && lua5.4 tests/check_placement.lua "$3" "$1"' \
        "$ETCH" "$capacity" "$table" "$WORK/plan/$name.out.csv"
}

mkdir -p "$WORK/plan"
printf 'id,lower,upper,size\na,0,2,4\nb,1,3,4\nc,2,4,8\n' >"$WORK/plan/small.csv"
planned small 12 "$WORK/plan/small.csv"
check plan/too_small bash -c '"$0" plan "$1" --capacity 11 2>&1 | grep -q "12 bytes are alive at one time"' "$ETCH" "$WORK/plan/small.csv"

found=$(find "$CORPUS/planner_minimalloc" -name '*.1048576.csv' 2>/dev/null | sort)
[ -n "$found" ] || skip plan/minimalloc "the corpus is absent"
for table in $found; do
    name=$(basename "$table" .1048576.csv)
    planned "$name" 1048576 "$table"
    [ "$name" != C ] || planned C_at_its_bound 1039360 "$table"
    (head -n 1 "$table"; tail -n +2 "$table" | sort -t, -k4,4n -k1,1) >"$WORK/plan/${name}_shuffled.csv"
    awk -F, -v OFS=, 'NR > 1 { t = $2; $2 = 2097152 - $3; $3 = 2097152 - t } { print }' "$table" >"$WORK/plan/${name}_mirrored.csv"
    planned "${name}_shuffled" 1048576 "$WORK/plan/${name}_shuffled.csv"
    planned "${name}_mirrored" 1048576 "$WORK/plan/${name}_mirrored.csv"
done
