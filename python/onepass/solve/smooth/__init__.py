"""How are smooth functions minimized? `minimize`, and a file for each method and for each part that they share."""
