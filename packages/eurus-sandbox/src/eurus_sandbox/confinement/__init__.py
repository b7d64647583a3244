"""What holds a process: the layers, in their order, and the attacks that show whether they hold."""
