"""Statements that read, write, run or open what lies outside the lake, or take more than they may."""
