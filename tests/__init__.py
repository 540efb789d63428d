"""The tests of Soniq; ``tests.support`` holds what several of them share."""
