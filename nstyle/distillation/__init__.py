"""The parts of `nstyle.distill`: the teacher, the closed form, the student, fine-tuning, errors."""
