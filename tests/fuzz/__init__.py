"""Random nets and damaged files: nothing may surprise."""
