"""What trainings share: pictures, the optimiser, checkpoints."""
