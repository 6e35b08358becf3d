from grace.cli import main

main()
