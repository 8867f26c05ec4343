"""From a `.tflite` file to a network as data, with the shapes as they really are."""
