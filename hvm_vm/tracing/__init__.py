"""What every instruction did and cost: recorder, reports, exports. Imports no compiler code."""
