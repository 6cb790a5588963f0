"""From the ledger to tidy data frames: a line for each replicate, epoch, trial of a search, or test result.

What a frame needs of the ledger is read here and nowhere else in `analysis`. No test statistics, no layout.
"""
