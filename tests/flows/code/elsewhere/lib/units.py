def per_box(boxes):
    return 24 * boxes
