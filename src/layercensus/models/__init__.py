"""Models: opening them, finding their layers, and making their untrained twins."""
