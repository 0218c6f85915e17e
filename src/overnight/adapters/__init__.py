"""For people who keep their own trainer: guide 4's interface."""
