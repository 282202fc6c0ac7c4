-- SPDX-License-Identifier: MIT-0
--
-- Named conditions on a node, for the variant lists of targets. `n` is what the node's template sees.

local predicates = {}

function predicates.always()
    return true
end

-- filters of 1 by 1 that touch every point once
function predicates.multiplies_vectors(n)
    return n.vectors > 0
end

-- no copy of the input: windows are clipped where they are read
function predicates.is_direct(n)
    return n.direct ~= 0
end

-- 8 bits with constant weights, the input's zero point folded into the bias, one output channel per input channel, forwards
function predicates.is_folded_single(n)
    return n.folded ~= 0 and n.channel_multiplier == 1 and n.backwards == 0
end

-- int8 with constant weights and int32 sums that every channel divides by two at least once; zero points only of the input, and
-- in the bias
function predicates.is_int8_right(n)
    return n.folded ~= 0 and n.scaling == "right" and n.weights_zero_point == 0 and n.output.dtype == "int8"
        and n.weights and n.weights.dtype == "int8"
end

-- the same, for vectors that follow each other: FullyConnected, Conv2D by points
function predicates.is_int8_list(n)
    return n.vectors > 0 and predicates.is_int8_right(n)
end

-- 8 bits with constant weights, folded biases: lists of weights
function predicates.sums_bytes_of_vectors(n)
    return n.vectors > 0 and n.folded ~= 0
end

-- the same for windows
function predicates.sums_bytes_of_windows(n)
    return n.vectors == 0 and n.direct == 0 and n.folded ~= 0
end

-- signed bytes times constant signed weights, whose sums take the short form of requantisation
function predicates.is_bytes(n)
    return n.library("lanes").is_bytes(n)
end

function predicates.is_bytes_by_points(n)
    return n.vectors > 0 and predicates.is_bytes(n)
end

-- by rows, one run of values per row of the filter
function predicates.is_bytes_by_rows(n)
    return n.vectors == 0 and n.groups == 1 and n.dilation_height == 1 and n.dilation_width == 1 and predicates.is_bytes(n)
end

-- one input channel: a convolution
function predicates.is_bytes_of_one_channel(n)
    return n.input_channels == 1 and n.dilation_height == 1 and n.dilation_width == 1 and predicates.is_bytes(n)
end

function predicates.is_bytes_depthwise(n)
    return n.channel_multiplier == 1 and n.dilation_height == 1 and n.dilation_width == 1 and predicates.is_bytes(n)
end

-- the same, for the windows of a convolution of all channels
function predicates.is_int8_window(n)
    return n.vectors == 0 and n.groups == 1 and n.direct == 0 and predicates.is_int8_right(n)
end

-- int8 with the input's zero point folded into the bias, sums of at most 2^30 that are divided, and the whole range of outputs
function predicates.scales_int8_sums(n)
    return n.folded ~= 0 and n.scaling == "right" and n.input.dtype == "int8" and n.output.dtype == "int8" and n.low == -128 and n.high == 127
end

-- the same of filters of 1 by 1, or vectors
function predicates.multiplies_int8_vectors(n)
    return n.vectors > 0 and predicates.scales_int8_sums(n)
end

-- the same of larger filters whose taps of a row are neighbours
function predicates.convolves_int8_rows(n)
    return n.vectors == 0 and n.groups == 1 and (n.dilation_width == 1 or n.filter_width == 1) and predicates.scales_int8_sums(n)
end

-- the same, or not folded because windows are clipped where they are read: constant int8 weights of one zero point
function predicates.convolves_int8_windows(n)
    return n.vectors == 0 and n.groups == 1 and (n.dilation_width == 1 or n.filter_width == 1) and n.input.dtype == "int8"
        and n.output.dtype == "int8" and n.weights_zero_point == 0 and n.low == -128 and n.high == 127 and (n.folded ~= 0 or n.direct ~= 0)
end

-- depthwise, in place, 3 by 3 with stride 1 and a border of padding; lines short enough for the stack
function predicates.is_short_in_place(n)
    return n.staging == "channels" and n.direct ~= 0 and n.batch == 1 and n.filter_height == 3 and n.filter_width == 3
        and n.stride_height == 1 and n.stride_width == 1 and n.dilation_height == 1 and n.dilation_width == 1 and n.pad_top == 1
        and n.pad_left == 1 and n.output_height == n.input_height and n.output_width == n.input_width and n.input_width <= 8
        and n.channel_multiplier == 1 and n.input_channels % 4 == 0 and n.input.dtype == "int8" and n.output.dtype == "int8"
        and n.weights_zero_point == 0 and n.low == -128 and n.high == 127
end

-- the same, for a depthwise convolution with one output channel per input channel
function predicates.is_int8_single(n)
    return n.channel_multiplier == 1 and n.direct == 0 and predicates.is_int8_right(n)
end

-- the same, for a depthwise convolution of one input channel, which is an ordinary one
function predicates.is_int8_depth_one(n)
    return n.input_channels == 1 and n.output_channels > 1 and n.direct == 0 and predicates.is_int8_right(n)
end

-- the same of one channel, which has several filters: a convolution, although it is called depthwise
function predicates.convolves_one_channel(n)
    return n.input_channels == 1 and n.output_channels > 1 and n.direct == 0 and (n.dilation_width == 1 or n.filter_width == 1)
        and predicates.scales_int8_sums(n)
end

-- 8 bits, filters of 3 by 3 whose rows can be read in pairs, neighbours four at a time
function predicates.is_depthwise_of_pairs(n)
    return n.input.dtype == "int8" and n.weights and n.folded ~= 0 and n.weights_zero_point == 0 and n.scaling == "right" and n.batch == 1
        and n.filter_height == 3 and n.filter_width == 3 and n.dilation_height == 1 and n.dilation_width == 1
        and n.stride_height == n.stride_width and n.stride_width <= 2 and n.output_channels <= 4095
        and n.row_columns >= n.pad_left + n.copied_columns
        and (n.input_channels >= 4 or n.input_channels == 1 and n.copied_columns >= 4)
end

-- averages of signed bytes, all taps inside of the image; single precision divides sums of so many without an error
function predicates.is_pool_of_bytes(n)
    return n.input.dtype == "int8" and n.output.dtype == "int8" and n.padded == 0 and n.dilation_height == 1 and n.dilation_width == 1
        and n.filter_height * n.filter_width <= 4096
end

-- 3 by 3 with stride 1 and its own padding, many channels, outputs in blocks of two rows by four columns: for Winograd's transform
function predicates.is_wide_3_by_3(n)
    return n.vectors == 0 and n.groups == 1 and n.batch == 1 and n.padded ~= 0 and n.filter_height == 3 and n.filter_width == 3 and n.stride_height == 1
        and n.stride_width == 1 and n.dilation_height == 1 and n.dilation_width == 1 and n.pad_top == 1 and n.pad_left == 1
        and n.output_height == n.input_height and n.output_width == n.input_width and n.output_height % 2 == 0 and n.output_width % 4 == 0
        and n.input_channels % 4 == 0 and n.input_channels >= 16 and n.input_channels <= 64 and n.output_channels % 2 == 0 and n.output_channels >= 8 and predicates.scales_int8_sums(n)
end

-- bytes in fours; sums of 16 bits hold an average's window; a few small windows are not worth the code
function predicates.pools_words(n)
    local taps = n.filter_height * n.filter_width
    return n.input.dtype == "int8" and n.input_channels % 4 == 0 and n.backwards == 0 and (taps >= 16 or n.output.elements >= 1024)
        and (n.op == "AveragePool2D" and taps <= 256 or n.op == "MaxPool2D" and n.low == -128 and n.high == 127)
end

-- single precision with constant weights and biases
function predicates.is_float(n)
    return n.library("lanes").is_float(n)
end

function predicates.is_float_by_points(n)
    return n.vectors > 0 and predicates.is_float(n)
end

function predicates.is_float_by_rows(n)
    return n.vectors == 0 and n.groups == 1 and n.dilation_height == 1 and n.dilation_width == 1 and predicates.is_float(n)
end

function predicates.is_float_depthwise(n)
    return (n.channel_multiplier == 1 or n.input_channels == 1) and n.dilation_height == 1 and n.dilation_width == 1 and predicates.is_float(n)
end

-- a recurrent layer of int8 values, double rounding
function predicates.is_int8_recurrent(n)
    return n.input.dtype == "int8" and n.output.dtype == "int8" and n.single_rounding == 0
end

-- int8 operands of the output's shape and a sum that is exact by two multiplications
function predicates.is_int8_sum(n)
    return n.form == "sum" and n.output.dtype == "int8" and n.a and n.b and #n.extents == 1 and n.a_index == "i" and n.b_index == "i"
end

-- int8 averages of whole windows in 16 bits, of eight channels at a time
function predicates.is_int8_average(n)
    return n.output.dtype == "int8" and n.padded == 0 and n.input_channels % 8 == 0 and n.filter_height * n.filter_width <= 255
end

-- 3 by 3 with stride 1 in single precision, whole vectors of channels, enough outputs: for Winograd's transform
function predicates.is_float_3_by_3(n)
    return n.filter_height == 3 and n.filter_width == 3 and n.stride_height == 1 and n.stride_width == 1 and n.input_channels % 16 == 0
        and n.output_channels % 16 == 0 and n.output_height >= 4 and n.output_width >= 4 and n.output_width <= 64 and predicates.is_float_by_rows(n)
end

-- the same of signed bytes, whole tiles of outputs; four times a sum has 32 bits
function predicates.is_bytes_3_by_3(n)
    return n.filter_height == 3 and n.filter_width == 3 and n.stride_height == 1 and n.stride_width == 1 and n.input_channels % 16 == 0
        and n.input_channels <= 1024 and n.output_channels % 16 == 0 and n.output_height % 2 == 0 and n.output_width % 2 == 0 and n.output_width >= 4
        and n.batch == 1 and predicates.is_bytes_by_rows(n)
end

-- the same of eight inputs, without anything left over
function predicates.multiplies_int8_eights(n)
    return predicates.multiplies_int8_vectors(n) and n.inputs == 8 and n.vectors % 2 == 0 and n.outputs % 2 == 0 and n.backwards == 0
end

return predicates
