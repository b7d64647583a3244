"""Learning: from trees to tokens, from tokens to loss, from loss to a saved model."""
