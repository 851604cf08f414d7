"""Names in several scripts, with characters that often break software."""

STUDENT_NAMES = (
    "Ana Müller",
    "Đặng Thị Hoa",
    "Олена Шевченко",
    "李小雨",
    "عمر حداد",
    "Siobhán O'Brien",
    "प्रिया शर्मा",
    "Søren Åkesson",
    "דנה לוי",
    "김하늘",
    "Zoë <b>Sánchez</b> & Co",
    "Nguyễn Văn An",
    "Ελένη Παππά",
    "山田 花子",
    "José 🎓 Peña",
    "Łucja Żak",
)

TEACHER_NAMES = (
    "Dr. Ingrid Thorvaldsdóttir",
    "Prof. 王芳",
    "Renée Lefèvre",
    "Иван Петров",
    "Amara Okonkwo",
    "Yusuf Öztürk",
    "María-José Núñez",
    "Grace \u201cAmazing\u201d Hopper",
)

COURSE_NAMES = (
    "Calculus I",
    "Modern World History",
    "Organic Chemistry & Lab",
    "Deutsch für Fortgeschrittene",
    "Introduction to Ethics",
    "Data Structures <Java/C++>",
    "日本語 II",
    "Physics: Mechanics / Waves",
    "Literatura española",
    "Microeconomics",
    "Основы программирования",
    "Art History 🎨",
    "Statistics 101",
    "علم الأحياء",
    "Music Theory",
    "Linear Algebra",
)

ASSIGNMENT_NAMES = (
    "Reading response",
    "Problem set",
    "Lab report",
    "Essay draft",
    "Quiz",
    "Übung",
    "Case study",
    "小テスト",
    "Reflection & notes",
    "Project <milestone>",
    "Peer discussion",
    "Exam practice",
)

GROUP_NAMES = ("Homework", "Exams", "Labs & Projects", "Participation")

COURSE_NICKNAME = "Maths 🧮 (the hard one)"

DESCRIPTION_SENTENCES = (
    "Read the chapter and answer <em>all</em> questions in full sentences.",
    "Show your work; a result alone earns no points.",
    "Cite at least three sources & say why you trust them.",
    "Upload one PDF of no more than five pages.",
    "Discuss with a partner first, then write on your own.",
    "L'exercice est à rendre avant minuit \u2013 vérifiez l'heure de votre campus.",
)
