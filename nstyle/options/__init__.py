"""Every option once: declared, parsed, checked.

field: declares an option (type, default, limits, help) and checks it.
parse: parses what users type: numbers, durations.
words: values typed as one word, each parsed once: layers, sizes, blends.
options: the options that shape a picture.
consistency: refuses options that contradict each other.
output: the options that do not shape the picture.
presets: applies a preset's differences.
presets_table: the known recipes, each value with its reason.
"""
