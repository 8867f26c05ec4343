"""Work of operators by convention ``tflite-2mac``: pure rules on shapes."""
