"""What a run would take: pilots of each shape of trial, and the time, disk and price that follow from them. Nothing here is kept in the ledger."""
