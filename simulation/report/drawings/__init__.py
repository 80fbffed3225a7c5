"""Charts: rows and a palette in, a drawing out; what a row means is not their business."""
