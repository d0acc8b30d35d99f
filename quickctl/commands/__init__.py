"""The commands: each reads its options, asks `quickctl.aws`, and hands a result to the printer."""
