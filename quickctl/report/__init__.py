"""The report: one HTML file about the whole organization. Facts in, a page out."""
