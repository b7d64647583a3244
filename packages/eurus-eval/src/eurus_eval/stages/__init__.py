"""The stages that measure: accuracy, two models beside each other, the best of N."""
