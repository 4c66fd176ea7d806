"""What goes over the wire: published events, and the feedback that comes back."""
