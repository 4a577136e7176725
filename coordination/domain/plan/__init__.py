"""Planning: which files tasks will touch, which tasks collide there, and who does what in which order.

`analyse` is the whole of it, and it is pure: the same tasks and the same index give the same analysis. What it says
is a prediction; locks are what protects the files.
"""
