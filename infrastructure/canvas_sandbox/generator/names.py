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

GROUP_NAMES = ("Homework", "Exams", "Labs & Projects", "Participation")

COURSE_NICKNAME = "The hard one 🎯"

DESCRIPTION_SENTENCES = (
    "Read the chapter and answer <em>all</em> questions in full sentences.",
    "Show your work; a result alone earns no points.",
    "Cite at least three sources & say why you trust them.",
    "Upload one PDF of no more than five pages.",
    "Discuss with a partner first, then write on your own.",
    "L'exercice est à rendre avant minuit \u2013 vérifiez l'heure de votre campus.",
)
