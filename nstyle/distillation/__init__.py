"""The parts of `nstyle.distill`: pictures, teachers, the student, its maps, checkpoints."""
