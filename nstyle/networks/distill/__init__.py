"""A small VGG that sees what a complete one sees: closed form, then fine-tuning.

run: `distill` and `measure`.
options: the options of `nstyle distill`.
teacher: the complete VGG.
compress: the closed form.
loop: fine-tuning.
linear_maps: least squares from the small network's layers to the teacher's.
paintings: training pictures that the small network is painting.
evaluate: errors on held-out pictures.
student: writes the small network.
"""
