"""How systems of relations are solved point by point, for every engine."""
