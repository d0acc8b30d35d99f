"""What `quickctl doctor` knows: where it looks, what should be there, and which command mends what is not."""
