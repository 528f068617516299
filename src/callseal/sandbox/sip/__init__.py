"""SIP dialogs on sippy's transaction layer, behind a thread: commands go in, what was heard comes out."""
