struct ocsp_answer;
