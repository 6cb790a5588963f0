"""What is kept of trials and runs: records, validation targets, checkpoints, saved models, test-set openings and lost workers, each with its file format. Nothing here decides what to train."""
