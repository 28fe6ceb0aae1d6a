"""What a net is made of: its layers, where their units and examples lie, what they see, and a tap on their outputs."""
