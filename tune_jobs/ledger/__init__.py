"""What is kept of trials and runs, each with its file format: records, validation targets, checkpoints, saved models,
test-set openings, lost workers, where and how a run was made. Nothing here decides what to train; where the files lie
(a folder, S3) is the business of `storage`.
"""
