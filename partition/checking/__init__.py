"""Does a split network compute the same, and what does an encoding change?"""
