"""What runs on the other side of the pipe: the zygote, a session's process, its interpreter."""
