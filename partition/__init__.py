"""A `.tflite` network as operators, tensors, blocks and cuts; FLOPs; sub-networks."""
