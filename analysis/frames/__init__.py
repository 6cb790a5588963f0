"""From the ledger to tidy data frames: a line for each replicate, each epoch, each trial of a search. No statistics, no layout."""
