"""One picture on many machines: `nstyle mural`; each worker holds a part of it."""
