NAMES = {"brest": "Brest, quai du Commerce"}
