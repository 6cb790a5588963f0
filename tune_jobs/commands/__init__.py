"""The command line, and one module for each command that does more than call another room. Nothing else imports from here."""
