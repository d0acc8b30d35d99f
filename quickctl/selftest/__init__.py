"""Whether AWS behaves as the documents of Quick Onboarding assume: what to look at, and what it means."""
