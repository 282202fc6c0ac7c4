-- Custom operators with FlexBuffers options; the noise estimate becomes a state.
local tflite = ...
return {
    tensors = {{"energy", "uint32", {40}}, {"clean", "uint32", {40}}, {"noise", "uint32", {40}}, {"log", "int16", {40}}},
    operators = {
        {custom = "SignalFilterBankSpectralSubtraction", inputs = {0}, outputs = {1, 2}, custom_options = tflite.flexmap {
            num_channels = 40, smoothing = 100, one_minus_smoothing = 28, alternate_smoothing = 60, alternate_one_minus_smoothing = 68,
            smoothing_bits = 10, min_signal_remaining = 50, clamping = 1, spectral_subtraction_bits = 14,
        }},
        {custom = "SignalFilterBankLog", inputs = {1}, outputs = {3}, custom_options = tflite.flexmap {output_scale = 64, input_correction_bits = 3}},
    },
    inputs = {0},
    outputs = {3},
}
