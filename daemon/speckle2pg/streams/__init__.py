"""One mailbox and one worker per project: events in, looks out."""
