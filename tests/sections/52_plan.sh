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

# Malformed tables: exit 3, the line, the fact and what a row is; nothing is written.
malformed() { # MESSAGE TABLE
    printf "$2" >"$WORK/plan/bad.csv"
    rm -f "$WORK/plan/bad.out"
    "$ETCH" plan "$WORK/plan/bad.csv" -o "$WORK/plan/bad.out" 2>"$WORK/plan/bad.log"
    [ $? -eq 3 ] && grep -q "bad.csv: $1" "$WORK/plan/bad.log" && [ ! -e "$WORK/plan/bad.out" ] || { cat "$WORK/plan/bad.log"; return 1; }
}
header='id,lower,upper,size\n'
check plan/malformed/empty malformed 'it has no buffers; a row is' ''
check plan/malformed/header malformed 'it has no buffers; a row is' "$header"
check plan/malformed/negative malformed 'line 2: size must be from 0 to 2147483647; a row is' "${header}a,0,2,-4\n"
check plan/malformed/overflow malformed 'line 3: lower, upper and size must be integers; a row is' "${header}a,0,2,4\nb,0,2,99999999999999999999\n"
check plan/malformed/fraction malformed 'line 2: lower, upper and size must be integers' "${header}a,0,2,4.5\n"
check plan/malformed/step malformed 'line 2: lower must be less than upper, both within 32 bits' "${header}a,0,2147483648,4\n"
check plan/malformed/turned malformed 'line 2: lower must be less than upper' "${header}a,3,2,4\n"
check plan/malformed/columns malformed 'line 2: there are less than four fields' "${header}a,0,4\n"
check plan/malformed/more_columns malformed 'line 2: there are more than four fields' "${header}a,0,2,4,0\n"
check plan/malformed/quotes malformed 'line 3: there are more than four fields' "${header}\"a\",0,2,4\n\"b,c\",1,3,8\n"
check plan/malformed/ids malformed 'line 4: id "a" is that of line 2; ids must differ' "${header}a,0,2,4\nb,0,2,4\na,1,2,4\n"
printf 'id,lower,upper,size\r\na,0,2,4\r\nnone,0,2,0\r\nb,1,3,8\r\n' >"$WORK/plan/crlf.csv"
planned crlf 12 "$WORK/plan/crlf.csv"
check plan/no_bytes grep -qx 'none,0,2,0,0' "$WORK/plan/crlf.out.csv"

# What is in the way of the output: a file stays as it was when nothing fits, a device is written to and not replaced.
kept_output() {
    echo old >"$WORK/plan/old.csv"
    "$ETCH" plan "$WORK/plan/small.csv" --capacity 11 -o "$WORK/plan/old.csv" 2>/dev/null
    [ $? -eq 1 ] && [ "$(cat "$WORK/plan/old.csv")" = old ] || return 1
    rm -f "$WORK/plan/pipe"
    mkfifo "$WORK/plan/pipe" && { cat "$WORK/plan/pipe" >"$WORK/plan/from_pipe" & } &&
        timeout 20 "$ETCH" plan "$WORK/plan/small.csv" -o "$WORK/plan/pipe" 2>/dev/null && wait $! && [ -p "$WORK/plan/pipe" ] &&
        [ "$(wc -l <"$WORK/plan/from_pipe")" -eq 4 ]
}
check plan/output kept_output

# So many buffers that only the placement along the steps is left.
awk 'BEGIN { srand(7); print "id,lower,upper,size"; for (i = 0; i < 100000; ++i) { t = int(rand() * 200000); print i "," t "," t + 1 + int(rand() * 40) "," int(rand() * 900) } }' \
    >"$WORK/plan/many.csv"
planned many 100000 "$WORK/plan/many.csv"

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
