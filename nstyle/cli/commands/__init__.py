"""The commands, a module each: `add(parser)` adds the flags, `work(args)` returns the exit code.

batch: many photos in many styles.
distill: makes a small VGG.
download: downloads weights.
models: lists networks.
mural: paints one picture on a cluster.
paint: paints photos in one pass.
presets: lists presets.
run: paints a photo.
score: scores pictures.
sheet: tries several settings on one sheet.
studio: starts the studio.
styles: lists and shows the ready styles.
train: trains a network that paints in one pass.
video: paints a film.
"""
