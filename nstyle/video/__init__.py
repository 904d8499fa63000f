"""Films, painted frame by frame without flicker.

run: paints a film, resumes it.
options: the options of `nstyle video`.
source: looks at the film before any work.
timing: chooses the frames.
decode: decodes frames.
hdr: brings high dynamic range to the usual one.
frames: a frame to paint, and cuts between shots.
optical_flow: moves the last frame to where it is now.
by_optimization: paints a frame with a temporal loss.
temporal_objective: the objective of a frame, with that loss.
by_network: paints a frame in one pass, with normalisation that does not flicker.
frame_store: keeps painted frames on disk.
encode: writes the film.
"""
