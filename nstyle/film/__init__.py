"""Films painted frame by frame, each going on from the last; the room of `nstyle video`."""
