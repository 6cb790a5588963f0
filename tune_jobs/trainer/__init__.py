"""What a training function of the user is given: its trial. Works without a study, without Ray and without a ledger."""
