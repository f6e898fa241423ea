"""Report in, Plotly figure out, as a plain dict; one story a file. No Django here."""
