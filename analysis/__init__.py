"""From a ledger to a report: frames, statistics, tables and figures. Loads without torch and Ray."""
