"""The compiler as a whole: from source text to a program, through every stage."""
